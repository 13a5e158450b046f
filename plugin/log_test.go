package main

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestLogLine(t *testing.T) {
	tests := []struct {
		name  string
		with  func(slog.Handler) slog.Handler
		attrs []any
		want  string
	}{
		{"plain", nil, nil, "message"},
		{"values", nil,
			[]any{"n", 1, "d", 1500 * time.Millisecond, "ok", true, "err", errors.New("no route to host")},
			`message n=1 d=1.5s ok=true err="no route to host"`},
		{"quotes where they are needed", nil,
			[]any{"a", "", "b", "x=y", "c", `say "so"`, "d", "a\nb\x1b[31m", "e", "münchen"},
			`message a="" b="x=y" c="say \"so\"" d="a\nb\x1b[31m" e=münchen`},
		{"groups", nil,
			[]any{slog.Group("tls", "verify", true, slog.Group("ca", "file", "x.pem")), slog.Group("none")},
			"message tls.verify=true tls.ca.file=x.pem"},
		{"with",
			func(h slog.Handler) slog.Handler {
				return h.WithAttrs([]slog.Attr{slog.Int("a", 1)}).WithGroup("g").WithGroup("").WithAttrs([]slog.Attr{slog.Int("b", 2)})
			},
			[]any{"c", 3}, "message a=1 g.b=2 g.c=3"},
		{"no attribute", nil, []any{slog.Attr{}}, "message"},
	}
	for _, tt := range tests {
		var h slog.Handler = logHandler{}
		if tt.with != nil {
			h = tt.with(h)
		}
		r := slog.NewRecord(time.Time{}, slog.LevelInfo, "message", 0)
		r.Add(tt.attrs...)
		if got := h.(logHandler).text(r); got != tt.want {
			t.Errorf("%s: got  %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

func TestPrintable(t *testing.T) {
	const in, want = "a\tb\x00c\x1b[2Jd\u0085e\xfff é", "a b c [2Jd e\ufffdf é"
	if got := strings.Map(printable, in); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
