package kiosk_test

import (
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Limits of style. A tab counts as four columns.
const (
	mostColumns = 120
	mostLines   = 60 // of a function, from its name to its last brace; a test tells its story as long as it needs
)

// TestStyle: lines can be read without scrolling, functions without turning a page, and nothing changes in the header
// of an if or a switch but what is declared there. What a raw string holds is data, as wide as it is.
func TestStyle(t *testing.T) {
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, src, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		literalFaults(t, set, path, file)
		raw := rawLines(set, path, src)
		for i, line := range strings.Split(string(src), "\n") {
			if n := len([]rune(strings.ReplaceAll(line, "\t", "    "))); n > mostColumns && !raw[i+1] {
				t.Errorf("%s:%d: %d columns, and %d are the most", path, i+1, n, mostColumns)
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			var header ast.Stmt
			switch n := n.(type) {
			case *ast.FuncDecl:
				lines := set.Position(n.End()).Line - set.Position(n.Name.Pos()).Line + 1
				if lines > mostLines && !strings.HasSuffix(path, "_test.go") {
					t.Errorf("%v: %s has %d lines, and %d are the most", set.Position(n.Pos()), n.Name.Name, lines,
						mostLines)
				}
			case *ast.IfStmt:
				header = n.Init
			case *ast.SwitchStmt:
				header = n.Init
			}
			assign, is := header.(*ast.AssignStmt)
			_, counts := header.(*ast.IncDecStmt)
			if counts || is && assign.Tok != token.DEFINE {
				t.Errorf("%v: an assignment hides in a header", set.Position(header.Pos()))
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// literalFaults finds codes of faults that are written out. Outside of tests they are the constants of fault.go, but
// for the audit, which judges by codes of its own.
func literalFaults(t *testing.T, set *token.FileSet, path string, file *ast.File) {
	t.Helper()
	if path == "fault.go" || strings.HasPrefix(path, "audit/") || strings.HasSuffix(path, "_test.go") {
		return
	}
	code := regexp.MustCompile(`^"(PT|MT|CX|CH|IO|CL|CF|HO|UI|SW|DB|BO)[0-9O]{3}"$`)
	ast.Inspect(file, func(n ast.Node) bool {
		if lit, is := n.(*ast.BasicLit); is && code.MatchString(lit.Value) {
			t.Errorf("%v: the fault %s is written out: it has a constant", set.Position(lit.Pos()), lit.Value)
		}
		return true
	})
}

// rawLines are the lines that a raw string has a part in.
func rawLines(set *token.FileSet, path string, src []byte) map[int]bool {
	var s scanner.Scanner
	file := set.AddFile(path, set.Base(), len(src))
	s.Init(file, src, nil, 0)
	raw := map[int]bool{}
	for {
		pos, tok, text := s.Scan()
		if tok == token.EOF {
			return raw
		}
		if tok == token.STRING && strings.HasPrefix(text, "`") {
			first := file.Line(pos)
			for i := range strings.Count(text, "\n") + 1 {
				raw[first+i] = true
			}
		}
	}
}
