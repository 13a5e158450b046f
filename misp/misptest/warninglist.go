package misptest

import (
	"net/netip"
	"strings"
)

// A Warninglist is a list of values that are known to cause false positives.
type Warninglist struct {
	ID       int64
	Name     string
	Category string   // "" is "false_positive"
	Entries  []string // exact values, or networks such as 10.0.0.0/8
}

// AddWarninglist adds an enabled warninglist.
func (db *Database) AddWarninglist(l Warninglist) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if l.Category == "" {
		l.Category = "false_positive"
	}
	if l.ID == 0 {
		l.ID = int64(len(db.warninglists)) + 1
	}
	db.warninglists = append(db.warninglists, l)
}

// warning says that a value is on a warninglist.
type warning struct {
	Match    string `json:"match"`
	Value    string `json:"value"`
	ID       string `json:"warninglist_id"`
	Name     string `json:"warninglist_name"`
	Category string `json:"warninglist_category"`
}

func (db *Database) warnings(r *row) []warning {
	var found []warning
	for _, l := range db.warninglists {
		for _, value := range []string{r.value1, r.value2} {
			if entry, ok := l.lists(value); ok {
				found = append(found, warning{entry, r.Value, decimal(l.ID), l.Name, l.Category})
			}
		}
	}
	return found
}

// lists returns the entry that a value is under.
func (l Warninglist) lists(value string) (string, bool) {
	if value == "" {
		return "", false
	}
	addr, err := netip.ParseAddr(value)
	for _, entry := range l.Entries {
		if strings.EqualFold(entry, value) {
			return entry, true
		}
		if network, wrong := netip.ParsePrefix(entry); err == nil && wrong == nil && network.Contains(addr) {
			return entry, true
		}
	}
	return "", false
}
