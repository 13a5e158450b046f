package misp

import (
	"context"
	"errors"
	"slices"
	"strings"

	"fluent-bit-misp/misp/ioc"
)

// A Finding is an attribute that holds an indicator, and what hides it from
// [Client.Lookup].
type Finding struct {
	Attribute
	HiddenBy []string // of "type", "to_ids" and "published"; empty if nothing does
}

// Search asks MISP for one indicator without filters, for a person who wonders
// why a look-up finds nothing. It always asks, also while look-ups leave MISP
// alone; of several MISPs, the first that answers. The findings come weightiest
// first; complete is false if there are, or may be, more than the client reads.
// The error joins an [*Error] of each MISP.
func (c *Client) Search(ctx context.Context, indicator ioc.Indicator) (findings []Finding, complete bool, err error) {
	ctx, cancel := c.until(ctx)
	defer cancel()
	q := newQuestion([]ioc.Indicator{indicator})
	if len(q.values) == 0 {
		return nil, true, nil
	}
	var errs []error
	for _, s := range c.servers {
		findings, complete, err := c.searchServer(ctx, s, q, indicator)
		if err == nil {
			return findings, complete, nil
		}
		errs = append(errs, err)
	}
	return nil, false, errors.Join(errs...)
}

func (c *Client) searchServer(ctx context.Context, s *server, q *question, indicator ioc.Indicator) (findings []Finding, complete bool, err *Error) {
	q.reset()
	complete, err = c.search(ctx, s, c.request(q.values), func(row *row) bool {
		if !row.readable() {
			q.unread++
			return false
		}
		f := Finding{Attribute: *row.attribute(s.url)}
		if !q.take(row, s.url) {
			if !holds(string(row.Value), indicator) {
				return false
			}
			f.HiddenBy = append(f.HiddenBy, "type")
		}
		if !c.passesToIDs(row) {
			f.HiddenBy = append(f.HiddenBy, "to_ids")
		}
		if !c.passesPublished(row) {
			f.HiddenBy = append(f.HiddenBy, "published")
		}
		findings = append(findings, f)
		return true
	})
	slices.SortFunc(findings, func(a, b Finding) int { return a.compare(&b.Attribute) })
	return findings, complete && q.unread == 0, err
}

// holds reports whether an attribute's value, or a part of it, is the
// indicator, whatever the type of the attribute.
func holds(value string, indicator ioc.Indicator) bool {
	first, second, composite := strings.Cut(value, "|")
	parts := []string{value, first, second}
	if !composite {
		parts = parts[:1]
	}
	return slices.ContainsFunc(parts, func(part string) bool {
		other, reason := ioc.Normalize(indicator.Kind(), part)
		return reason == ioc.OK && other.Fold() == indicator.Fold()
	})
}
