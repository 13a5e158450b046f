package misptest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// telling are the headers by which a client may go.
var telling = []string{
	"Content-Type", "Location", "Etag",
	"X-Result-Count", "X-Skipped-Elements-Count", "X-Export-Module-Used", "X-Response-Format",
	"X-Rate-Limit-Limit", "X-Rate-Limit-Remaining", "X-Rate-Limit-Reset",
}

// random is what no two servers have in common: the UUID of a sighting.
var random = regexp.MustCompile(`"uuid":"[0-9a-f-]{36}","source"`)

// compare fails the test if got is not the answer of the exchange.
func (x exchange) compare(t *testing.T, got *httptest.ResponseRecorder) {
	recorded := x.header.Get("Server") != ""
	if status := got.Result().Status; status != x.status {
		t.Errorf("status %s, want %s", status, x.status)
	}
	if v := got.Header()["ETag"]; v != nil {
		got.Header()["Etag"] = v
	}
	for _, name := range telling {
		want, has := x.header.Get(name), got.Header().Get(name)
		if want != has && (recorded || want != "") {
			t.Errorf("%s: %q, want %q", name, has, want)
		}
	}
	body := got.Body.Bytes()
	search := x.header.Get("X-Export-Module-Used") != ""
	kind := got.Header().Get("Content-Type")
	switch {
	case len(bytes.TrimSpace(x.body)) == 0 || strings.HasPrefix(kind, "text/html"):
	case recorded && (search || got.Code >= 400):
		mask := []byte(`"uuid":"","source"`)
		has, want := bytes.TrimSpace(random.ReplaceAll(body, mask)), bytes.TrimSpace(random.ReplaceAll(x.body, mask))
		if !bytes.Equal(has, want) {
			at := 0
			for at < min(len(has), len(want)) && has[at] == want[at] {
				at++
			}
			from := max(at-100, 0)
			t.Errorf("body differs at byte %d:\n%.300s\nwant\n%.300s", at, has[from:], want[from:])
		}
	case strings.HasPrefix(kind, jsonType):
		var has, want any
		if err := json.Unmarshal(x.body, &want); err != nil {
			t.Fatalf("the answer to compare with: %v", err)
		}
		if err := json.Unmarshal(body, &has); err != nil {
			t.Fatalf("%v in\n%s", err, body)
		}
		compareJSON(t, "", has, want, recorded)
	case strings.TrimSpace(string(body)) != strings.TrimSpace(string(x.body)):
		t.Errorf("body %q, want %q", body, x.body)
	}
}

// compareJSON reports where has is not like want: of the same shape, or, where
// shape is false, with all that want says. In want, null stands for nothing.
func compareJSON(t *testing.T, path string, has, want any, shape bool) {
	if want == nil && has == nil {
		return
	}
	if reflect.TypeOf(has) != reflect.TypeOf(want) && !(shape && (has == nil || want == nil)) {
		t.Errorf("%s: %v, want %v", path, has, want)
		return
	}
	switch want := want.(type) {
	case map[string]any:
		object := has.(map[string]any)
		for key, w := range want {
			if _, there := object[key]; there || w != nil {
				compareJSON(t, path+"."+key, object[key], w, shape)
			}
		}
		for key := range object {
			if _, there := want[key]; shape && !there {
				t.Errorf("%s.%s: should not be there", path, key)
			}
		}
	case []any:
		list := has.([]any)
		if len(list) != len(want) {
			t.Errorf("%s: %d elements %.300v, want %d %.300v", path, len(list), list, len(want), want)
			return
		}
		for i, w := range want {
			compareJSON(t, fmt.Sprintf("%s[%d]", path, i), list[i], w, shape)
		}
	default:
		if !shape && has != want {
			t.Errorf("%s: %v, want %v", path, has, want)
		}
	}
}
