package rules

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"gopkg.in/yaml.v3"
)

// keyWalk meets the keys of a document, each with the form of its value.
type keyWalk struct {
	catalog map[string]bool // the keys of steps that are actions
	meet    func(path string, key FormKey, value *yaml.Node)
}

func (w keyWalk) walk(path string, f *Form, n *yaml.Node) {
	n = resolve(n)
	if f.Name != "" {
		path = f.Name
	}
	if f.Kind == FormEither {
		forms := alternatives(f)
		i := slices.IndexFunc(forms, func(e *Form) bool {
			switch n.Kind {
			case yaml.MappingNode:
				return e.Kind == FormMapping || e.Kind == FormTable
			case yaml.SequenceNode:
				return e.Kind == FormList
			}
			return false
		})
		if i < 0 {
			return
		}
		f = forms[i]
	}
	if f.Name != "" {
		path = f.Name
	}
	switch {
	case f.Kind == FormMapping && n.Kind == yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			name, value := n.Content[i].Value, resolve(n.Content[i+1])
			k := slices.IndexFunc(f.Keys, func(k FormKey) bool { return k.Name == name })
			if k < 0 {
				continue
			}
			if w.catalog[path+"."+name] {
				if approve := mappingIn(f.Keys[k].Form).Key("approve"); approve != nil {
					w.action(approve, value)
				}
				continue
			}
			w.meet(path+"."+name, f.Keys[k], value)
			w.walk(path+"."+name, f.Keys[k].Form, value)
		}
	case f.Kind == FormTable && n.Kind == yaml.MappingNode:
		for i := 1; i < len(n.Content); i += 2 {
			w.walk(path+".NAME", f.Item, n.Content[i])
		}
	case f.Kind == FormList && n.Kind == yaml.SequenceNode:
		for _, item := range n.Content {
			w.walk(path, f.Item, item)
		}
	}
}

// action meets what approve holds, which is no input of the action.
func (w keyWalk) action(approve *Form, n *yaml.Node) {
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == "approve" {
			w.meet("approve", FormKey{Name: "approve", Form: approve}, resolve(n.Content[i+1]))
			w.walk("approve", approve, n.Content[i+1])
		}
	}
}

// alternatives are the forms that a form may have, without forms that are one of several themselves.
func alternatives(f *Form) []*Form {
	if f.Kind != FormEither {
		return []*Form{f}
	}
	var out []*Form
	for _, e := range f.Either {
		out = append(out, alternatives(e)...)
	}
	return out
}

func mappingIn(f *Form) *Form {
	for _, e := range f.Either {
		if e.Kind == FormMapping {
			return e
		}
	}
	return f
}

// languageKeys are the paths of all keys but the inputs of actions.
func languageKeys(w keyWalk, f *Form) []string {
	var out []string
	seen := make(map[string]bool)
	var all func(path string, f *Form)
	all = func(path string, f *Form) {
		if f.Name != "" {
			if path = f.Name; seen[path] {
				return
			}
			seen[path] = true
		}
		for _, e := range f.Either {
			all(path, e)
		}
		switch f.Kind {
		case FormMapping:
			for _, k := range f.Keys {
				at := path + "." + k.Name
				if !w.catalog[at] {
					out = append(out, at)
					all(at, k.Form)
				} else if approve := mappingIn(k.Form).Key("approve"); approve != nil {
					all("approve", approve)
				}
			}
		case FormTable:
			all(path+".NAME", f.Item)
		case FormList:
			all(path, f.Item)
		}
	}
	all("", f)
	slices.Sort(out)
	return slices.Compact(out)
}

// Every key of the language is in an example that loads, and in the reference; and each form that its value cannot have is a
// mistake, told with a place.
func TestEveryKey(t *testing.T) {
	language := Language(catalog)
	w := keyWalk{catalog: make(map[string]bool)}
	for _, name := range catalog.Names() {
		w.catalog["step."+name] = true
	}
	for _, parent := range []string{"step.ask", "limit.reply", "rule.command.usage"} {
		spec, _ := catalog.Step(replyAction)
		for _, in := range spec.Inputs { // the inputs of reply stand here too
			w.catalog[parent+"."+in.Name] = true
		}
	}
	file, code := packageDoc(t)
	reference := file.Doc.Text()
	blueprint := ""
	shown := make(map[string]bool)
	try := func(src string) {
		var root yaml.Node
		if err := yaml.Unmarshal([]byte(src), &root); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(src, "\nblueprint:") {
			blueprint = src
		}
		load := func() error {
			text, err := yaml.Marshal(&root)
			if err != nil {
				t.Fatal(err)
			}
			return loadExample(string(text), blueprint)
		}
		if err := load(); err != nil {
			t.Fatalf("%v\n%s", err, src)
		}
		w := w
		w.meet = func(path string, k FormKey, value *yaml.Node) {
			if shown[path] {
				return
			}
			shown[path] = true
			was := *value
			for name, wrong := range wrongForms(k.Form) {
				*value = *wrong
				var errs Errors
				if err := load(); !errors.As(err, &errs) || errs[0].Line == 0 {
					t.Errorf("%s takes %s: %v", path, name, err)
				}
			}
			*value = was
		}
		w.walk("", language, root.Content[0])
	}
	for _, text := range code {
		switch {
		case strings.HasPrefix(text, "version:"):
			try(text)
		case strings.HasPrefix(text, "rules:"):
			try("version: 1\n" + text)
		case strings.HasPrefix(text, "do:"):
			try("version: 1\nrules:\n- id: r\n  on: message\n  " + strings.ReplaceAll(text, "\n", "\n  "))
		}
	}
	for _, name := range []string{"testdata/every_key.yaml", "testdata/every_input.yaml"} {
		more, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		try(string(more))
	}
	for _, path := range languageKeys(w, language) {
		if !shown[path] {
			t.Errorf("no example shows %s", path)
		}
		if name := path[strings.LastIndexByte(path, '.')+1:]; !strings.Contains(reference, name) {
			t.Errorf("the reference does not name %s", path)
		}
	}
}

// loadExample loads an example with the files that examples name.
func loadExample(src, blueprint string) error {
	fsys := fstest.MapFS{"plugins/shop/plugin.yaml": {Data: []byte(strings.Replace(shopManifest, "actions: [reply]", "actions: [reply, send]", 1))},
		"bot.yaml": {Data: []byte(src)}, "faq.csv": {Data: []byte("question,answer\n营业时间,九点\n")},
		"words.csv": {Data: []byte("id\na\n")}, "rules/more.yaml": {Data: []byte("version: 1\n")},
	}
	if strings.Contains(src, "\nblueprint:") {
		fsys["blueprints/ads.yaml"] = &fstest.MapFile{Data: []byte(src)}
		user := "version: 1\nrules:\n- {id: u, use: {blueprint: blueprints/ads.yaml, with: {words: [a]}}}\n"
		fsys["bot.yaml"] = &fstest.MapFile{Data: []byte(user)}
	} else if blueprint != "" {
		fsys["blueprints/ads.yaml"] = &fstest.MapFile{Data: []byte(blueprint)}
	}
	_, err := Load(fsys, "bot.yaml", Options{Catalog: catalog, Env: func(string) (string, bool) { return "x", true }})
	return err
}

// wrongForms are values that a form does not take.
func wrongForms(f *Form) map[string]*yaml.Node {
	scalar := func(tag, value string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: value} }
	inner := &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{{Kind: yaml.SequenceNode, Content: []*yaml.Node{scalar("!!str", "x")}}}}
	all := map[string]*yaml.Node{
		"a mapping with an unknown key": {Kind: yaml.MappingNode, Content: []*yaml.Node{scalar("!!str", "no_such_key"), scalar("!!str", "x")}},
		"a list of lists":               inner,
		"a boolean":                     scalar("!!bool", "true"),
		"an unknown word":               scalar("!!str", "no such word"),
	}
	for _, f := range alternatives(f) {
		switch f.Kind {
		case FormAny:
			return nil
		case FormText:
			delete(all, "a boolean")
			delete(all, "an unknown word")
		case FormString, FormExpr, FormJoined:
			delete(all, "an unknown word")
			if f.Kind == FormExpr {
				delete(all, "a boolean")
			}
		case FormBool:
			delete(all, "a boolean")
		case FormTable:
			delete(all, "a mapping with an unknown key")
		case FormList:
			if f.Item.Kind == FormAny {
				delete(all, "a list of lists")
			}
		}
	}
	return all
}
