package enrich

import (
	"strings"
	"time"

	"fluent-bit-misp/misp/ioc"
)

// ecsKey is the field in which the Elastic Common Schema keeps what threat
// intelligence knew of an event: an array with one object a match. It is
// written with its dot, which an index takes for nesting, because a record may
// have a field "threat" of its own.
const ecsKey = "threat.enrichments"

// spareECSKey is where the matches go if a record has an ecsKey already, which
// some other tool has written and which stays.
func (l *layout) spareECSKey() string { return l.prefix + "enrichments" }

// enrichments writes matches by the Elastic Common Schema, version 8; taken
// says that the record has such a field.
func (l *layout) enrichments(w *writer, matches []match, taken bool) {
	if taken {
		w.key(l.spareECSKey())
	} else {
		w.key(ecsKey)
	}
	w.objects(len(matches), func(i int) {
		m := &matches[i]
		w.key("indicator")
		w.object(func() { writeECSIndicator(w, m) })
		w.key("matched")
		w.object(func() {
			w.stringField("atomic", m.indicator.Value())
			w.stringField("field", m.field)
			w.stringField("id", m.attribute.UUID)
			w.stringField("type", "indicator_match_rule")
		})
		w.key("feed")
		w.object(func() {
			w.stringField("name", "MISP")
			w.stringField("description", m.attribute.Event.Info)
			w.stringField("reference", m.attribute.Event.URL)
		})
	})
}

func writeECSIndicator(w *writer, m *match) {
	a := m.attribute
	w.stringField("name", a.Value)
	w.stringField("provider", a.Event.Org)
	w.stringField("description", a.Comment)
	w.stringField("reference", a.Event.URL)
	if a.Timestamp != 0 {
		w.stringField("modified_at", time.Unix(a.Timestamp, 0).UTC().Format(time.RFC3339))
	}
	if colour := tlp(a.Tags); colour != "" {
		w.key("marking")
		w.object(func() { w.stringField("tlp", strings.ToUpper(colour)) })
	}
	kind, value := m.indicator.Kind(), m.indicator.Value()
	hash := func() {
		w.key("hash")
		w.object(func() { w.stringField(kind.String(), value) })
	}
	nested := func(object, field string) {
		w.key(object)
		w.object(func() { w.stringField(field, value) })
	}
	switch kind {
	case ioc.IP:
		if strings.Contains(value, ":") {
			w.stringField("type", "ipv6-addr")
		} else {
			w.stringField("type", "ipv4-addr")
		}
		w.stringField("ip", value)
	case ioc.Domain:
		w.stringField("type", "domain-name")
		nested("url", "domain")
	case ioc.URL:
		w.stringField("type", "url")
		nested("url", "full")
	case ioc.Email:
		w.stringField("type", "email-addr")
		nested("email", "address")
	case ioc.MD5, ioc.SHA1, ioc.SHA256, ioc.SHA512:
		w.stringField("type", "file")
		w.key("file")
		w.object(hash)
	case ioc.Imphash:
		w.stringField("type", "file")
		w.key("file")
		w.object(func() {
			w.key("pe")
			w.object(func() { w.stringField("imphash", value) })
		})
	case ioc.Filename:
		w.stringField("type", "file")
		nested("file", "name")
	case ioc.Regkey:
		w.stringField("type", "windows-registry-key")
		nested("registry", "path")
	case ioc.X509SHA1:
		w.stringField("type", "x509-certificate")
		w.key("x509")
		w.object(hash)
	}
}
