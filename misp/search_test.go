package misp

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"
)

func TestSearchSaysWhatHides(t *testing.T) {
	const body = `{"response":{"Attribute":[
		{"id":1,"type":"ip-src","value":"203.0.113.7","to_ids":true,"Event":{"published":true}},
		{"id":2,"type":"ip-dst","value":"203.0.113.7","to_ids":false,"Event":{"published":true}},
		{"id":3,"type":"ip-dst|port","value":"203.0.113.7|443","to_ids":true,"Event":{"published":false}},
		{"id":4,"type":"comment","value":"203.0.113.7","to_ids":false,"Event":{"published":false}},
		{"id":5,"type":"filename|md5","value":"203.0.113.7|d41d8cd98f00b204e9800998ecf8427e","to_ids":true,"Event":{}},
		{"id":6,"type":"ip-src","value":"203.0.113.8","to_ids":true}]}}`
	tests := []struct {
		toIDs, published Filter
		want             string // id and what hides it, weightiest first
	}{
		{Yes, Yes, "[5 [type]] [3 [published]] [1 []] [4 [type to_ids published]] [2 [to_ids]]"},
		{No, Any, "[5 [type to_ids]] [3 [to_ids]] [1 [to_ids]] [4 [type]] [2 []]"},
		{Any, No, "[5 [type]] [3 []] [1 [published]] [4 [type]] [2 [published]]"},
	}
	for _, tt := range tests {
		var request string
		c := newTestClient(t, func(w http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			request = string(b)
			answer(body)(w, r)
		}, func(cfg *Config) { cfg.ToIDs, cfg.Published = tt.toIDs, tt.published })
		findings, complete, err := c.Search(t.Context(), indicators(t, "ip 203.0.113.7")[0])
		if err != nil || !complete {
			t.Fatal(complete, err)
		}
		var got []string
		for _, f := range findings {
			got = append(got, fmt.Sprint([]any{f.ID, f.HiddenBy}))
		}
		if got := fmt.Sprint(got); got != "["+tt.want+"]" {
			t.Errorf("to_ids %d, published %d: got  %s\nwant %s", tt.toIDs, tt.published, got, tt.want)
		}
		want := `{"returnFormat":"json","value":{"OR":["203.0.113.7"]},"order":["Attribute.id desc"],"limit":1000,"page":1,"includeContext":1,"includeEventTags":1}`
		if request != want {
			t.Errorf("got  %s\nwant %s", request, want)
		}
		// A look-up finds exactly what Search says is not hidden.
		var visible []int64
		for _, f := range findings {
			if len(f.HiddenBy) == 0 {
				visible = append(visible, f.ID)
			}
		}
		a := lookup(c, indicators(t, "ip 203.0.113.7"))[0]
		if !slices.EqualFunc(a.Hit.Attributes, visible, func(a Attribute, id int64) bool { return a.ID == id }) {
			t.Errorf("a look-up finds %+v, Search %v", a.Hit.Attributes, visible)
		}
	}
}

func TestSearchTellsWhenThereIsMore(t *testing.T) {
	c := newTestClient(t, pagedMISP(t, 50, "203.0.113.7"))
	c.pageRows, c.maxPages = 10, 2
	findings, complete, err := c.Search(t.Context(), indicators(t, "ip 203.0.113.7")[0])
	if len(findings) != 20 || complete || err != nil {
		t.Errorf("%d findings, complete %v, %v", len(findings), complete, err)
	}
}
