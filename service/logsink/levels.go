package logsink

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
)

// These attributes name who logs; the last one counts.
const (
	protoKey   = "proto"
	serviceKey = "service"
)

// Levels say which records are worth writing: those at a level or above, and by
// the name of who logs another one. The name is the value of the attribute
// service or proto, in the record, in With, or in a group such as conn; a
// record's own counts first. "mail" also means "mail.smtp", whose own entry
// would count more, and a proto that is a type, such as "*weblog.client", is of
// weblog. The zero Levels are Info for all. They may change at any time. Safe
// for concurrent use.
type Levels struct{ table atomic.Pointer[table] }

// A table is immutable.
type table struct {
	base   slog.Level
	least  slog.Level // of all
	byName map[string]slog.Level
}

var infoForAll = &table{base: slog.LevelInfo, least: slog.LevelInfo}

// ParseLevels reads what Set does.
func ParseLevels(text string) (*Levels, error) {
	l := new(Levels)
	return l, l.Set(text)
}

// Set changes the levels to those of a text like "info,weblog=debug": a level
// for all, info if there is none, and others by name. Levels are debug, info,
// warn and error, and those between, such as info+2. If the text is wrong,
// nothing changes.
func (l *Levels) Set(text string) error {
	t := &table{base: slog.LevelInfo, byName: map[string]slog.Level{}}
	based := false
	for entry := range strings.SplitSeq(text, ",") {
		name, word, named := strings.Cut(strings.TrimSpace(entry), "=")
		if !named {
			name, word = "", name
		}
		var level slog.Level
		if err := level.UnmarshalText([]byte(strings.TrimSpace(word))); err != nil {
			return fmt.Errorf("logsink: level %q: want debug, info, warn or error, or NAME=LEVEL", word)
		}
		name = strings.TrimSpace(name)
		_, twice := t.byName[name]
		switch {
		case !named && based, twice:
			return fmt.Errorf("logsink: levels %q: want %s only once", text, quoted(name))
		case !named:
			t.base, based = level, true
		case name == "":
			return errors.New("logsink: levels: want a name before =")
		default:
			t.byName[name] = level
		}
	}
	t.least = t.base
	for _, level := range t.byName { //sim:unordered the least of all is the same
		t.least = min(t.least, level)
	}
	l.table.Store(t)
	return nil
}

func quoted(name string) string {
	if name == "" {
		return "the level for all"
	}
	return fmt.Sprintf("%q", name)
}

// String is the text of Set, the names sorted.
func (l *Levels) String() string {
	t := l.load()
	words := []string{strings.ToLower(t.base.String())}
	for _, name := range slices.Sorted(maps.Keys(t.byName)) {
		words = append(words, name+"="+strings.ToLower(t.byName[name].String()))
	}
	return strings.Join(words, ",")
}

func (l *Levels) load() *table {
	if t := l.table.Load(); t != nil {
		return t
	}
	return infoForAll
}

// of is the level of a name.
func (t *table) of(name string) slog.Level {
	for name = strings.TrimLeft(name, "*"); name != ""; {
		if level, ok := t.byName[name]; ok {
			return level
		}
		name = name[:max(0, strings.LastIndexByte(name, '.'))]
	}
	return t.base
}

// Handler returns a handler that passes on to h what l finds worth it, and h,
// too, by its own level.
func (l *Levels) Handler(h slog.Handler) slog.Handler { return &leveled{h, l, ""} }

type leveled struct {
	slog.Handler
	levels *Levels
	name   string // of With
}

func (h *leveled) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= h.levels.load().least && h.Handler.Enabled(ctx, level)
}

func (h *leveled) Handle(ctx context.Context, r slog.Record) error {
	if t := h.levels.load(); len(t.byName) > 0 {
		name := h.name
		r.Attrs(func(a slog.Attr) bool {
			if found := nameIn(a); found != "" {
				name = found
			}
			return true
		})
		if r.Level < t.of(name) {
			return nil
		}
	}
	return h.Handler.Handle(ctx, r)
}

// nameIn is the name that an attribute, or one of its group, gives; "": none.
func nameIn(a slog.Attr) (name string) {
	switch v := a.Value; {
	case a.Key == protoKey || a.Key == serviceKey:
		return text(v.Resolve())
	case v.Kind() == slog.KindLogValuer || v.Kind() == slog.KindGroup:
		if v = v.Resolve(); v.Kind() == slog.KindGroup {
			for _, a := range v.Group() {
				if a.Key == protoKey || a.Key == serviceKey {
					name = text(a.Value.Resolve())
				}
			}
		}
	}
	return name
}

func (h *leveled) WithAttrs(attrs []slog.Attr) slog.Handler {
	name := h.name
	for _, a := range attrs {
		if found := nameIn(a); found != "" {
			name = found
		}
	}
	return &leveled{h.Handler.WithAttrs(attrs), h.levels, name}
}

func (h *leveled) WithGroup(name string) slog.Handler {
	return &leveled{h.Handler.WithGroup(name), h.levels, h.name}
}
