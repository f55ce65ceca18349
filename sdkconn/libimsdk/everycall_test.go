//go:build cgo && linux

package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestEveryCallThatCannotBeHadSaysSo calls all functions that are generated and not implemented, from C: before TIMInit, without
// a login and with one. The program is written out of what exportgen made of the headers.
func TestEveryCallThatCannotBeHadSaysSo(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "zexports.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var declarations, answered, returned, ignored, zero strings.Builder
	n := make(map[*strings.Builder]int)
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		var types, args []string
		for _, p := range f.Type.Params.List {
			kind, arg := ctype(p.Type), "0"
			switch p.Names[0].Name {
			case "cb":
				arg = "(uintptr_t)on"
			case "data":
				arg = "(uintptr_t)name"
			}
			types, args = append(types, kind), append(args, arg)
		}
		call := fmt.Sprintf("%s(%s)", f.Name.Name, strings.Join(args, ", "))
		to, line := &answered, fmt.Sprintf("name = %q; check(name, %s);", f.Name.Name, call)
		switch body := body(f); {
		case strings.Contains(body, "sdk.Unsupported"):
		case body == "unsupported":
			to, line = &returned, fmt.Sprintf("if (%s != 7013) printf(\"%s: not 7013\\n\");", call, f.Name.Name)
		case f.Type.Results == nil:
			to, line = &ignored, call+";" // a registrar
		case body == "0":
			to, line = &zero, fmt.Sprintf("if (%s != 0) printf(\"%s: not 0\\n\");", call, f.Name.Name)
		default:
			continue // it is implemented
		}
		n[to]++
		result := "void"
		if f.Type.Results != nil {
			result = ctype(f.Type.Results.List[0].Type)
		}
		fmt.Fprintf(&declarations, "%s %s(%s);\n", result, f.Name.Name, strings.Join(types, ", "))
		fmt.Fprintf(to, "\t%s\n", line)
	}
	if n[&zero] != 7 || n[&returned] != 5 || n[&answered] < 50 || n[&ignored] < 40 {
		t.Errorf("%d answer, %d return 7013, %d registrars, %d return 0", n[&answered], n[&returned], n[&ignored], n[&zero])
	}
	source := filepath.Join(t.TempDir(), "everycall.c")
	text := strings.NewReplacer("DECLARATIONS", declarations.String(), "ANSWERED", answered.String(), "RETURNED", returned.String(),
		"IGNORED", ignored.String(), "ZERO", zero.String()).Replace(everyCall)
	if err := os.WriteFile(source, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	_, ours := libraries(t)
	want := fmt.Sprintf("6013: %d\n6014: %d\n7013: %d\n", n[&answered], n[&answered], n[&answered])
	same(t, "everycall", want, run(t, program(t, source), with{library: ours}))
}

// ctype is how the generated Go says a C type.
func ctype(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return "const " + ctype(e.X) + " *"
	case *ast.SelectorExpr:
		return map[string]string{"char": "char", "int": "int", "uchar": "unsigned char"}[e.Sel.Name] +
			map[bool]string{true: e.Sel.Name}[strings.HasSuffix(e.Sel.Name, "_t")]
	}
	return fmt.Sprintf("unknown %T", e)
}

// body is what a generated function returns, its names alone.
func body(f *ast.FuncDecl) string {
	var names []string
	ast.Inspect(f.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok {
				names = append(names, x.Name+"."+n.Sel.Name)
			}
			return false
		case *ast.Ident:
			names = append(names, n.Name)
		case *ast.BasicLit:
			names = append(names, n.Value)
		}
		return true
	})
	return strings.Join(names, " ")
}

// everyCall has no headers: these know nothing of some of the functions.
const everyCall = `
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

int TIMInit(uint64_t app, const char *config);
int TIMUninit(void);
int TIMLogin(const char *user, const char *sig, uintptr_t cb, uintptr_t data);
DECLARATIONS

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static const char *came;
static int32_t code, want;
static int right;

static void on(int32_t c, const char *desc, const char *json, const void *data) {
	(void)json;
	pthread_mutex_lock(&mutex);
	came = (const char *)data, code = c;
	if (!desc[0] && c) printf("%s: %d without a word\n", came, c);
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&mutex);
}

/* check waits for the answer to a call that returned ret. */
static void check(const char *name, int ret) {
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 20;
	pthread_mutex_lock(&mutex);
	while (ret == 0 && came != name && pthread_cond_timedwait(&changed, &mutex, &until) == 0) {
	}
	if (ret != 0) printf("%s: returns %d\n", name, ret);
	else if (came != name) printf("%s: no answer\n", name);
	else if (code != want) printf("%s: answers %d\n", name, code);
	else right++;
	came = NULL;
	pthread_mutex_unlock(&mutex);
}

static void all(int32_t code) {
	const char *name;
	want = code, right = 0;
ANSWERED
	printf("%d: %d\n", want, right);
}

static void others(void) {
	const char *name = "nobody's";
RETURNED
ZERO
IGNORED
}

int main(void) {
	all(6013);
	others();
	if (TIMInit(1, "{}") != 0) printf("TIMInit\n");
	all(6014);
	others();
	want = 0;
	const char *name = "TIMLogin";
	check(name, TIMLogin("alice", "any", (uintptr_t)on, (uintptr_t)name));
	all(7013);
	others();
	return TIMUninit();
}
`
