package archtest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const root = "../.."

// module is the path of our module.
const module = "farley/"

// file is a parsed source file of the module.
type file struct {
	path string // from the root, with slashes
	dir  string
	test bool
	ast  *ast.File
}

// sources parses all Go files of the module below a folder, without those of other tools.
func sources(t *testing.T, folder string) []file {
	t.Helper()
	var files []file
	err := filepath.WalkDir(filepath.Join(root, folder), func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if n := entry.Name(); n == "node_modules" || n == "testdata" || len(n) > 2 && n[0] == '.' {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		slashed := filepath.ToSlash(relative)
		files = append(files, file{path: slashed, dir: path.Dir(slashed), test: strings.HasSuffix(name, "_test.go"), ast: parsed})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// imports returns the packages of ours that a file imports, by their folders.
func (f file) imports() []string {
	var folders []string
	for _, spec := range f.ast.Imports {
		if target, err := strconv.Unquote(spec.Path.Value); err == nil && strings.HasPrefix(target, module) {
			folders = append(folders, strings.TrimPrefix(target, module))
		}
	}
	return folders
}

// uses reports whether a file names a function of an imported package.
func (f file) uses(pkg, function string) bool {
	local := ""
	for _, spec := range f.ast.Imports {
		if target, err := strconv.Unquote(spec.Path.Value); err == nil && target == pkg {
			local = path.Base(pkg)
			if spec.Name != nil {
				local = spec.Name.Name
			}
		}
	}
	if local == "" {
		return false
	}
	found := false
	ast.Inspect(f.ast, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == function {
			if x, ok := s.X.(*ast.Ident); ok && x.Name == local {
				found = true
			}
		}
		return !found
	})
	return found
}
