package misp

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestOutweighs(t *testing.T) {
	// From the weightiest to the lightest.
	order := []Attribute{
		{ToIDs: true, Event: Event{ThreatLevel: 1}, Timestamp: 1, ID: 1},
		{ToIDs: true, Event: Event{ThreatLevel: 2}, Timestamp: 9, ID: 2},
		{ToIDs: true, Event: Event{ThreatLevel: 2}, Timestamp: 8, ID: 4},
		{ToIDs: true, Event: Event{ThreatLevel: 2}, Timestamp: 8, ID: 3},
		{ToIDs: true, Event: Event{ThreatLevel: 3}, Timestamp: 9, ID: 9},
		{ToIDs: true, Event: Event{ThreatLevel: 4}, Timestamp: 7, ID: 5},
		{ToIDs: true, Event: Event{ThreatLevel: 0}, Timestamp: 6, ID: 6},
		{ToIDs: true, Event: Event{ThreatLevel: -1}, Timestamp: 5, ID: 7},
		{ToIDs: false, Event: Event{ThreatLevel: 1}, Timestamp: 9, ID: 8},
	}
	for i := range order {
		for j := range order {
			if got := order[i].Outweighs(&order[j]); got != (i < j) {
				t.Errorf("%d outweighs %d: %v", i, j, got)
			}
		}
	}
}

func TestFindingsKeepTheWeightiest(t *testing.T) {
	var f findings
	for _, n := range rand.Perm(1000) {
		f.add(&Attribute{ID: int64(n), Timestamp: int64(n)})
	}
	answer := f.answer(false)
	if answer.Verdict != Known || answer.Hit.Total != 1000 || len(answer.Hit.Attributes) != MaxAttributes {
		t.Fatalf("%v of %d attributes, %d kept", answer.Verdict, answer.Hit.Total, len(answer.Hit.Attributes))
	}
	if !answer.Hit.Partial {
		t.Error("not partial, though MISP has more")
	}
	sorted := slices.IsSortedFunc(answer.Hit.Attributes, func(a, b Attribute) int { return a.compare(&b) })
	if !sorted || answer.Hit.Attributes[0].ID != 999 || answer.Hit.Attributes[49].ID != 950 {
		t.Errorf("kept %d to %d, sorted %v", answer.Hit.Attributes[0].ID, answer.Hit.Attributes[49].ID, sorted)
	}
}

// TestFindingsKeepEveryType: the only attribute that lists a domain as such is
// not lost among those that list it as a host, however heavy these are.
func TestFindingsKeepEveryType(t *testing.T) {
	var f findings
	f.add(&Attribute{ID: 1, Type: "domain"})
	f.add(&Attribute{ID: 2, Type: "domain", Timestamp: 1})
	for n := range 1000 {
		f.add(&Attribute{ID: int64(n + 3), Type: "hostname", ToIDs: true})
	}
	hit := f.answer(true).Hit
	if hit.Total != 1002 || hit.Partial || len(hit.Attributes) != MaxAttributes {
		t.Fatalf("%d attributes, partial %v, %d kept", hit.Total, hit.Partial, len(hit.Attributes))
	}
	if last := hit.Attributes[49]; last.ID != 2 || hit.Attributes[48].ID != 954 || hit.Attributes[0].ID != 1002 {
		t.Errorf("kept %d to %d and %d", hit.Attributes[0].ID, hit.Attributes[48].ID, last.ID)
	}
}
