package test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// source calls visit with each Go file of the program, tests and tools left
// out.
func source(t *testing.T, visit func(file string, tree *ast.File)) {
	t.Helper()
	for _, dir := range []string{"enrich", "misp", "plugin", "rules"} {
		err := filepath.WalkDir("../"+dir, func(path string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir() && (entry.Name() == "misptest" || entry.Name() == "testdata"):
				return filepath.SkipDir
			case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
				return nil
			}
			tree, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err == nil {
				visit(path, tree)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// texts returns the string literals in a part of a file.
func texts(n ast.Node) (all []string) {
	ast.Inspect(n, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			text, _ := strconv.Unquote(lit.Value)
			all = append(all, text)
		}
		return true
	})
	return all
}

// quotes returns the messages that docs/troubleshooting.md explains.
func quotes(t *testing.T) (all []string) {
	for _, row := range rows(t, "troubleshooting.md", "message") {
		all = append(all, bare(row[0]))
	}
	return all
}

// docs/troubleshooting.md quotes the program as it is, and has every warning
// and error that it logs.
func TestMessagesDoc(t *testing.T) {
	quotes := quotes(t)
	said := strings.Join(strings.Fields(read(t, "../plugin/filter.c")), " ")
	said = strings.ReplaceAll(said, `" "`, "")
	source(t, func(file string, tree *ast.File) {
		all := strings.Join(texts(tree), "\n")
		said += "\n" + all
		ast.Inspect(tree, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			fun, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || fun.Sel.Name != "Error" && fun.Sel.Name != "Warn" || len(call.Args) == 0 {
				return true
			}
			message := strings.Join(texts(call.Args[0]), " ")
			quoted := func(q string) bool { return strings.Contains(message, q) }
			if message != "" && message != "forward to  : " && !slices.ContainsFunc(quotes, quoted) {
				t.Errorf("%s logs %q, of which docs/troubleshooting.md has nothing", file, message)
			}
			return true
		})
	})
	for _, quote := range quotes {
		status := regexp.MustCompile(`^[45]\d\d `).MatchString(quote)
		if !status && !strings.Contains(said, quote) {
			t.Errorf("docs/troubleshooting.md quotes %q, which the program does not say", quote)
		}
	}
}

// docs/troubleshooting.md has every reason for which MISP cannot be reached, as the
// program tells what to do about it.
func TestAdviceDoc(t *testing.T) {
	quotes, seen := quotes(t), 0
	source(t, func(file string, tree *ast.File) {
		if !strings.HasSuffix(file, "misp/error.go") {
			return
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			if f, ok := n.(*ast.FuncDecl); ok {
				return f.Name.Name != "statusError" // those have a status to look for
			}
			set, ok := n.(*ast.AssignStmt)
			if !ok {
				return true
			}
			if field, ok := set.Lhs[0].(*ast.SelectorExpr); !ok || field.Sel.Name != "Advice" {
				return true
			}
			for _, advice := range texts(set.Rhs[0]) {
				seen++
				if !slices.ContainsFunc(quotes, func(q string) bool { return strings.Contains(advice, q) }) {
					t.Errorf("%s advises %q, of which docs/troubleshooting.md has nothing", file, advice)
				}
			}
			return true
		})
	})
	if seen < 10 {
		t.Errorf("%d pieces of advice were found", seen)
	}
}
