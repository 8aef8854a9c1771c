package tidy

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"
	"testing"
)

// The order of a map differs at each run, so a range over one whose order can
// be seen (on the wire, in a log, by the order of callbacks) does not replay.
// A range is accepted if its body does the same in any order: it deletes,
// counts, copies into a map, or collects what the next statement sorts. Others
// say why they may stand: //sim:unordered REASON, at the line or above it.

// unordered are the packages whose map ranges nobody replays.
var unordered = []licence{
	{"internal/poll", "the simulator has a poller of its own"},
	{"cmd/...", "not run in the simulator"},
	{"examples/...", "users' programs"},
	{"docs/...", "users' programs"},
	{"internal/tidy/...", "no part of a program"},
}

func checkMaps(t *tree) (found []finding) {
	info, err := t.types()
	if err != nil {
		return []finding{{"go.mod", 1, err.Error()}}
	}
	for _, p := range t.packages {
		if licensed(unordered, p.path) {
			continue
		}
		for _, f := range p.files {
			if !f.test {
				m := &mapRanges{tree: t, file: f, info: info, sorted: map[ast.Node]bool{}}
				m.block(f.ast)
				found = append(found, m.found...)
			}
		}
	}
	return found
}

// mapRanges looks through one file.
type mapRanges struct {
	tree   *tree
	file   *file
	info   *types.Info
	sorted map[ast.Node]bool // calls whose result is sorted at once
	found  []finding
}

func (m *mapRanges) block(root ast.Node) {
	imports := m.file.imports()
	ast.Inspect(root, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BlockStmt:
			m.list(n.List)
		case *ast.CaseClause:
			m.list(n.Body)
		case *ast.CommClause:
			m.list(n.Body)
		case *ast.CallExpr:
			pkg, name, _ := selected(imports, n.Fun)
			order := pkg == "slices" && (strings.HasPrefix(name, "Sorted") || name == "Max" || name == "Min") ||
				pkg == "maps" && (name == "Collect" || name == "Insert")
			for _, arg := range n.Args {
				m.sorted[arg] = order
			}
			if pkg == "maps" && (name == "Keys" || name == "Values" || name == "All") && !m.sorted[n] {
				m.report(n, "maps."+name+" in an order that differs at each run: want slices.Sorted around it")
			}
		}
		return true
	})
}

// list looks at the ranges among statements; what follows one may sort what it
// collected.
func (m *mapRanges) list(stmts []ast.Stmt) {
	for i, s := range stmts {
		if l, ok := s.(*ast.LabeledStmt); ok {
			s = l.Stmt
		}
		r, ok := s.(*ast.RangeStmt)
		if !ok || !m.isMap(r.X) || isBlank(r.Key) && isBlank(r.Value) {
			continue
		}
		var next ast.Stmt
		if i+1 < len(stmts) {
			next = stmts[i+1]
		}
		if !m.commutes(r.Body.List) && !m.collectsSorted(r.Body.List, next) {
			m.report(r, "a range over a map whose order can be seen: sort the keys, or say //sim:unordered and why")
		}
	}
}

func isBlank(e ast.Expr) bool {
	id, ok := e.(*ast.Ident)
	return e == nil || ok && id.Name == "_"
}

func (m *mapRanges) isMap(e ast.Expr) bool {
	t := m.info.TypeOf(e)
	if t == nil {
		return false
	}
	_, ok := t.Underlying().(*types.Map)
	return ok
}

// commutes says whether statements do the same in any order.
func (m *mapRanges) commutes(stmts []ast.Stmt) bool {
	for _, s := range stmts {
		if !m.commutesOne(s) {
			return false
		}
	}
	return true
}

func (m *mapRanges) commutesOne(s ast.Stmt) bool {
	switch s := s.(type) {
	case *ast.IncDecStmt:
		return true
	case *ast.BranchStmt:
		return s.Tok == token.CONTINUE
	case *ast.BlockStmt:
		return m.commutes(s.List)
	case *ast.IfStmt:
		return (s.Init == nil || m.commutesOne(s.Init)) && !hasCall(s.Cond) && m.commutes(s.Body.List) && (s.Else == nil || m.commutesOne(s.Else))
	case *ast.ExprStmt: // delete(m, k)
		if call, ok := s.X.(*ast.CallExpr); ok {
			name, ok := call.Fun.(*ast.Ident)
			return ok && name.Name == "delete"
		}
	case *ast.AssignStmt:
		switch s.Tok {
		case token.ADD_ASSIGN, token.OR_ASSIGN, token.AND_ASSIGN, token.XOR_ASSIGN:
			return m.isInteger(s.Lhs[0]) && !hasCall(s.Rhs[0])
		case token.DEFINE:
			return !hasCall(s.Rhs[0]) // a variable of this round
		case token.ASSIGN:
			for i, l := range s.Lhs {
				index, ok := l.(*ast.IndexExpr)
				if !ok || !m.isMap(index.X) || i < len(s.Rhs) && hasCall(s.Rhs[i]) {
					return false
				}
			}
			return true
		}
	}
	return false
}

// isInteger excludes floating point, whose sums depend on their order.
func (m *mapRanges) isInteger(e ast.Expr) bool {
	t := m.info.TypeOf(e)
	if t == nil {
		return false
	}
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Info()&types.IsInteger != 0
}

// collectsSorted is "s = append(s, k)" followed by a sort of s.
func (m *mapRanges) collectsSorted(body []ast.Stmt, next ast.Stmt) bool {
	if len(body) != 1 {
		return false
	}
	assign, ok := body[0].(*ast.AssignStmt)
	if !ok || len(assign.Lhs) != 1 {
		return false
	}
	into, ok := assign.Lhs[0].(*ast.Ident)
	call, isCall := assign.Rhs[0].(*ast.CallExpr)
	if !ok || !isCall {
		return false
	}
	if f, ok := call.Fun.(*ast.Ident); !ok || f.Name != "append" {
		return false
	}
	expr, ok := next.(*ast.ExprStmt)
	if !ok {
		return false
	}
	sort, ok := expr.X.(*ast.CallExpr)
	if !ok || len(sort.Args) == 0 {
		return false
	}
	pkg, name, _ := selected(m.file.imports(), sort.Fun)
	arg, ok := sort.Args[0].(*ast.Ident)
	return ok && arg.Name == into.Name && (pkg == "slices" && strings.HasPrefix(name, "Sort") || pkg == "sort")
}

// hasCall says whether something that could be seen happens in e.
func hasCall(e ast.Expr) bool {
	found := false
	ast.Inspect(e, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if id, ok := call.Fun.(*ast.Ident); !ok || id.Name != "len" && id.Name != "min" && id.Name != "max" {
				found = true
			}
		}
		return true
	})
	return found
}

func (m *mapRanges) report(n ast.Node, what string) {
	line := m.tree.line(n)
	lines := strings.Split(m.file.src, "\n")
	for _, l := range lines[max(0, line-2):line] {
		if _, why, ok := strings.Cut(l, "//sim:unordered"); ok && strings.TrimSpace(why) != "" {
			return
		}
	}
	m.found = append(m.found, finding{m.file.name, line, what})
}

func TestMaps(t *testing.T) { holds(t, checkMaps) }

func TestMapsControl(t *testing.T) {
	finds(t, checkMaps, map[string]string{"sim/m.go": `package sim

import (
	"maps"
	"slices"
)

func f(m map[int]string, write func(string)) (all []string, n int, sum float64) {
	for _, s := range m { // want
		write(s)
	}
	for k := range m { // want
		n = k
	}
	for k := range m {
		if k > 3 {
			delete(m, k)
			continue
		}
		n += k
	}
	for k := range m { // want
		sum += float64(k)
	}
	other := map[string]int{}
	for k, v := range m {
		other[v] = k
	}
	for _, s := range m {
		all = append(all, s)
	}
	slices.Sort(all)
	for _, s := range m { // want
		all = append(all, s)
	}
	for range m {
		write("x")
	}
	//sim:unordered each is told once, and none sees the others
	for _, s := range m {
		write(s)
	}
	//sim:unordered
	for _, s := range m { // want
		write(s)
	}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		write(m[k])
	}
	for k := range maps.Keys(m) { // want
		write(m[k])
	}
	for _, s := range all {
		write(s)
	}
	return
}
`})
}
