package enrich

import (
	"errors"

	"fluent-bit-misp/enrich/pending"
	"fluent-bit-misp/misp"
)

// Check reads the options of a stanza as [Open] does, and returns the same
// error, but opens nothing.
func Check(property func(name string) (value string, set bool)) error {
	o, mistakes := ParseOptions(property)
	_, rules := o.CompileRules()
	client, err := misp.NewClient(o.MISP)
	if err == nil {
		client.Close()
	}
	var storage error
	if o.StoragePath != "" {
		if err := pending.CheckDir(o.StoragePath); err != nil {
			storage = storageMistake(o.StoragePath, err)
		}
	}
	return errors.Join(mistakes, rules, err, storage)
}
