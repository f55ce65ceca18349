package rulestest_test

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/timbot-go/timbot/rulestest"
)

// reportFiles have one of each outcome: b fails, c cannot be loaded, d reaches too little, e passes. Texts have in them what
// means something in the forms of reports.
const reportFiles = echoRules + `
-- b_test.yaml --
version: 1
rules: [a.yaml]
given: { users: { boss: {} } }
tests:
  - { name: "100% #1 <&\"'>, a: b\\", send: { from: u, text: hm }, expect: [] }
  - { name: fails, rule: echo, send: { from: u, text: "say \x01]]>\r\n::error::x" }, expect: [reply: "say \x02", send] }
-- c_test.yaml --
version: 1
rules: [a.yaml]
tests:
  - { name: x, expext: [] }
  - { name: y, advance: 1 }
-- d_test.yaml --
version: 1
rules: [a.yaml]
tests: [{ name: x, send: { from: u, text: hm }, expect: [] }]
coverage: { rules: 25, branches: 0 }
-- e_test.yaml --
version: 1
rules: [a.yaml]
tests: [{ name: x, table: [{ a: 1 }, { a: 2 }], send: { from: u, text: "hm ${{ row.a }}" }, expect: [] }]
`

var reported = []string{"b_test.yaml", "c_test.yaml", "d_test.yaml", "e_test.yaml"}

func TestJSONReport(t *testing.T) {
	folder(t, reportFiles)
	got := report(t, rulestest.Runner{}, func(b *strings.Builder) rulestest.Reporter { return rulestest.JSON(b) }, reported...)
	var kinds []string
	for line := range strings.Lines(got) {
		var v struct {
			Type, File, Name string
			Line, Row        int
			Passed           bool
			Failures         []struct {
				File, Title, Message, Event string
				Line, Step                  int
				Diff                        []struct{ Sign, Text string }
			}
			Mistakes []struct {
				File, Message string
				Line          int
			}
			Rules         struct{ Reached, All int }
			Missing       []struct{ Rule, Text, File string }
			Below         json.RawMessage
			Tests, Failed int
		}
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		kinds = append(kinds, fmt.Sprintf("%s %s %d %t", v.Type, v.File, v.Row, v.Passed))
		switch {
		case v.Name == "fails":
			f := v.Failures[0]
			if f.File != "b_test.yaml" || f.Line != 6 || f.Step != 1 || f.Event == "" || len(f.Diff) != 3 || f.Diff[0].Sign != "-" {
				t.Errorf("%+v", f)
			}
		case v.Type == "error":
			if len(v.Mistakes) != 2 || v.Mistakes[1].Line != 5 || v.Mistakes[0].Line != 4 || !strings.Contains(v.Mistakes[0].Message, `"expext" (did you mean "expect"?)`) {
				t.Errorf("%+v", v.Mistakes)
			}
		case v.Type == "coverage":
			if v.Rules.All != 4 || v.Rules.Reached != 0 || len(v.Missing) == 0 || v.Missing[0].File != "a.yaml" ||
				string(v.Below) != `["the tests reach 0/4 of the rules (0%), and must reach 25%"]` {
				t.Errorf("%s", line)
			}
		case v.Type == "summary" && (v.Tests != 5 || v.Failed != 1):
			t.Errorf("%s", line)
		}
	}
	want(t, strings.Join(kinds, "\n"), `
test b_test.yaml 0 true
test b_test.yaml 0 false
error c_test.yaml 0 false
test d_test.yaml 0 true
coverage d_test.yaml 0 false
test e_test.yaml 1 true
test e_test.yaml 2 true
summary  0 false`)
}

func TestJUnitReport(t *testing.T) {
	folder(t, reportFiles)
	got := report(t, rulestest.Runner{}, func(b *strings.Builder) rulestest.Reporter { return rulestest.JUnit(b) }, reported...)
	var v struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Errors   int `xml:"errors,attr"`
		Suites   []struct {
			Name  string `xml:"name,attr"`
			Cases []struct {
				Name  string  `xml:"name,attr"`
				Class string  `xml:"classname,attr"`
				Time  float64 `xml:"time,attr"`
				Fail  []struct {
					Message string `xml:"message,attr"`
					Text    string `xml:",chardata"`
				} `xml:"failure"`
				Error *struct {
					Text string `xml:",chardata"`
				} `xml:"error"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal([]byte(got), &v); err != nil {
		t.Fatalf("%v\n%s", err, got)
	}
	if v.Tests != 7 || v.Failures != 2 || v.Errors != 1 || len(v.Suites) != 4 {
		t.Errorf("%d tests, %d failures, %d errors", v.Tests, v.Failures, v.Errors)
	}
	b := v.Suites[0].Cases
	if b[0].Name != `100% #1 <&"'>, a: b\` || b[0].Class != "b" || b[1].Time <= 0 {
		t.Errorf("%+v", b)
	}
	if f := b[1].Fail[0]; !strings.Contains(f.Text, "b_test.yaml:6:") || !strings.Contains(f.Text, "\n- want  reply  text \"say \\x02\"") {
		t.Errorf("%q", f.Text)
	}
	if c := v.Suites[1].Cases[0]; c.Error == nil || !strings.Contains(c.Error.Text, "did you mean") {
		t.Errorf("%+v", c)
	}
	if d := v.Suites[2].Cases[1]; d.Name != "coverage" || !strings.Contains(d.Fail[0].Text, "a.yaml:3  rule echo: never fired") {
		t.Errorf("%+v", d)
	}
	for _, r := range got { // what XML 1.0 can hold
		if r < 0x20 && r != '\n' && r != '\t' && r != '\r' {
			t.Errorf("%q is in it", r)
		}
	}
	if !utf8.ValidString(got) {
		t.Error("no UTF-8")
	}
}

// A control character that a test says with its own escape gets into no report as it is.
func TestReportsOfControlCharacters(t *testing.T) {
	folder(t, echoRules+"-- a_test.yaml --\nversion: 1\ntests:\n"+
		"  - { name: \"\\x00 \\x1b[31m \\uFFFE\", send: { from: u, text: hm }, expect: [{ reply: { text: { contains: \"\\x00\" } } }] }\n")
	for name, to := range map[string]func(*strings.Builder) rulestest.Reporter{
		"junit": func(b *strings.Builder) rulestest.Reporter { return rulestest.JUnit(b) },
		"json":  func(b *strings.Builder) rulestest.Reporter { return rulestest.JSON(b) },
		"tap":   func(b *strings.Builder) rulestest.Reporter { return rulestest.TAP(b) },
	} {
		got := report(t, rulestest.Runner{}, to, "a_test.yaml")
		if i := strings.IndexFunc(got, func(r rune) bool { return r < 0x20 && r != '\n' || r == 0xFFFE && name == "junit" }); i >= 0 {
			t.Errorf("%s: %q", name, got[i:])
		}
	}
}

func TestTAPReport(t *testing.T) {
	folder(t, reportFiles)
	got := report(t, rulestest.Runner{}, func(b *strings.Builder) rulestest.Reporter { return rulestest.TAP(b) }, reported...)
	lines := strings.Split(strings.TrimSuffix(got, "\n"), "\n")
	if lines[0] != "TAP version 14" || lines[len(lines)-1] != "1..7" {
		t.Errorf("%s … %s", lines[0], lines[len(lines)-1])
	}
	test := regexp.MustCompile(`^(not )?ok (\d+) - (([^#\\]|\\[#\\])+)$`)
	var tests []string
	var about []string
	block := false
	for _, line := range lines[1 : len(lines)-1] {
		switch {
		case line == "  ---":
			block, about = true, nil
		case line == "  ...":
			block = false
			var v map[string]any
			if err := yaml.Unmarshal([]byte(strings.Join(about, "\n")), &v); err != nil {
				t.Errorf("%v in %q", err, about)
			}
			if v["message"] == nil || v["at"].(map[string]any)["file"] == nil {
				t.Errorf("%v", v)
			}
		case block:
			about = append(about, strings.TrimPrefix(line, "  "))
		default:
			m := test.FindStringSubmatch(line)
			if m == nil {
				t.Fatalf("%q is no line of TAP", line)
			}
			if tests = append(tests, m[1]+m[3]); m[2] != fmt.Sprint(len(tests)) {
				t.Errorf("%q is number %d", line, len(tests))
			}
		}
	}
	want(t, strings.Join(tests, "\n"), `
b / 100% \#1 <&"'>, a: b\\
not b / fails
not c_test.yaml / load
d / x
not d / coverage
e / x [1]
e / x [2]`)
}

func TestGitHubReport(t *testing.T) {
	folder(t, reportFiles)
	got := report(t, rulestest.Runner{}, func(b *strings.Builder) rulestest.Reporter { return rulestest.GitHub(b) }, reported...)
	lines := strings.Split(strings.TrimSuffix(got, "\n"), "\n")
	for i, begins := range []string{
		"::error file=b_test.yaml,line=6,col=95,title=b / fails::step 1, u sends \"say \\x01]]>\\r\\n::error::x\": the bot did something else%0A- want  ",
		"::error file=c_test.yaml,line=4,col=16,title=c_test.yaml::a test has no key \"expext\"",
		"::error file=c_test.yaml,line=5,col=25,title=c_test.yaml::advance must be a duration such as 30s, 5m or 25h",
		"::error file=d_test.yaml,line=4,col=1,title=d / coverage::the tests reach 0/4 of the rules (0%25), and must reach 25%25%0Aa.yaml:3  rule",
	} {
		if i >= len(lines) || !strings.HasPrefix(lines[i], begins) {
			t.Errorf("line %d: %s\nwant: %s", i, lines[min(i, len(lines)-1)], begins)
		}
	}
	if len(lines) != 4 {
		t.Errorf("%d lines", len(lines))
	}
}

// What differs between long texts is shown line by line when it is asked for, with colours when there are any.
func TestDiff(t *testing.T) {
	folder(t, `
-- a.yaml --
version: 1
rules:
  - id: menu
    on: message.c2c
    do:
      - reply: "今日菜单\n一\n二\n三\n四\n五\n六\n七\n"
      - reply: 这是一段很长的文字，说的是本店的营业时间、地址、电话、交通方式、停车场的位置以及节假日的安排，请您在出门之前仔细阅读一遍，谢谢。
      - set: { bot: { note: "a\nb" } }
-- a_test.yaml --
version: 1
tests:
  - name: t
    steps:
      - send: { from: u, text: x }
        expect:
          - reply: "今日菜单\n一\n二\n3\n四\n五\n六\n七\n"
          - reply: 这是一段很长的文字，说的是本店的营业时间、地址、电话、交通方式、停车场的位置以及节假日的安排，请您在出门之前仔细阅读一遍。
        state: { bot: { note: "a\nc" } }
`)
	got := report(t, rulestest.Runner{}, func(b *strings.Builder) rulestest.Reporter {
		return rulestest.Text(b, rulestest.TextOptions{Diff: true, Paint: func(tint rulestest.Tint, text string) string {
			return map[rulestest.Tint]string{rulestest.TintBad: "<", rulestest.TintGot: ">", rulestest.TintDim: "~"}[tint] + text
		}})
	}, "a_test.yaml")
	want(t, got, `
<FAIL  a / t   a_test.yaml:7
      step 1, u sends "x": the bot did something else
      <- want  reply  text "今日菜单\n一\n二\n3\n四\n五\n六\n七\n"
      >+ got   reply  text "今日菜单\n一\n二\n三\n四\n五\n六\n七\n"
        text, line by line:
        ~@ -1,7 +1,7 @@
          今日菜单
          一
          二
        <- 3
        >+ 三
          四
          五
          六
      <- want  reply  text "这是一段很长的文字，说的是本店的营业时间、地址、电话、交通方式、停车场的位置以及节假日的安排，请您在出门之前仔细阅读一遍。"
      >+ got   reply  text "这是一段很长的文字，说的是本店的营业时间、地址、电话、交通方式、停车场的位置以及节假日的安排，请您在出门之前仔细阅读一遍，谢谢。"
        text, line by line:
        ~@ -1,1 +1,1 @@
        <- 这是一段很长的文字，说的是本店的营业时间、地址、电话、交通方式、停车场的位置以及节假日的安排，请您在出门之前仔细阅读一遍。
        >+ 这是一段很长的文字，说的是本店的营业时间、地址、电话、交通方式、停车场的位置以及节假日的安排，请您在出门之前仔细阅读一遍，谢谢。
<FAIL  a / t   a_test.yaml:9
      step 1, u sends "x": state note is something else
      <- want  "a\nc"
      >+ got   "a\nb"
        note, line by line:
        ~@ -1,2 +1,2 @@
          a
        <- c
        >+ b
1 of 1 test failed
`)
}
