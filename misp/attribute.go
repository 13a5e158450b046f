package misp

import "strconv"

// What an Attribute keeps of the texts and tags of MISP, in bytes and in
// number. Most are far shorter; without bounds a single value could fill memory
// and records.
const (
	maxText    = 4 << 10 // of those that people write, and of values
	maxWord    = 256     // of the others, and of a tag
	maxTags    = 100
	maxTagText = 8 << 10 // of all tags
)

func (t text) long() string { return clip(string(t), maxText) }
func (t text) word() string { return clip(string(t), maxWord) }

// attribute returns the row as an Attribute of the MISP at base.
func (r *row) attribute(base string) *Attribute {
	return &Attribute{
		ID:             int64(r.ID),
		EventID:        int64(r.EventID),
		ObjectID:       int64(r.ObjectID),
		ObjectRelation: r.ObjectRelation.word(),
		Category:       r.Category.word(),
		Type:           r.Type.word(),
		Value:          r.Value.long(),
		Comment:        r.Comment.long(),
		UUID:           r.UUID.word(),
		ToIDs:          r.ToIDs == on,
		Timestamp:      int64(r.Timestamp),
		Tags:           r.tags(),
		Event: Event{
			URL:         r.eventURL(base),
			Info:        r.Event.Info.long(),
			UUID:        r.Event.UUID.word(),
			Org:         r.Event.Orgc.Name.word(),
			Date:        r.Event.Date.word(),
			ThreatLevel: int(r.Event.ThreatLevelID),
			Published:   r.Event.Published == on,
		},
	}
}

// eventURL returns the address of the event's page, none if MISP does not say
// which event it is.
func (r *row) eventURL(base string) string {
	if r.EventID == 0 {
		return ""
	}
	return base + "/events/view/" + strconv.FormatInt(int64(r.EventID), 10)
}

// tags returns the names of the attribute's tags and its event's, each once.
// MISP merges them itself since includeEventTags exists, but not before.
func (r *row) tags() []string {
	if len(r.Tag)+len(r.Event.Tag) == 0 {
		return nil
	}
	names := make([]string, 0, min(len(r.Tag)+len(r.Event.Tag), maxTags))
	known := make(map[text]bool, cap(names))
	size := 0
	for _, tags := range [][]tag{r.Tag, r.Event.Tag} {
		for _, t := range tags {
			name := t.Name.word()
			if name == "" || known[t.Name] || len(names) == maxTags || size+len(name) > maxTagText {
				continue
			}
			known[t.Name] = true
			names = append(names, name)
			size += len(name)
		}
	}
	return names
}
