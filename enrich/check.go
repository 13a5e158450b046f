package enrich

import (
	"errors"

	"fluent-bit-misp/enrich/pending"
	"fluent-bit-misp/misp"
)

// Check reads the options of a stanza as [Open] does, and returns the same
// error and what Open would warn of, but opens nothing.
func Check(property func(name string) (value string, set bool)) (warnings []string, err error) {
	o, mistakes := ParseOptions(property)
	_, rules := o.CompileRules()
	client, refused := misp.NewClient(o.MISP)
	if refused == nil {
		client.Close()
	}
	var storage error
	if o.StoragePath != "" {
		if err := pending.CheckDir(o.StoragePath); err != nil {
			storage = storageMistake(o.StoragePath, err)
		}
	}
	var late error
	if err := checkLateFile(o.LateHitsFile); err != nil {
		late = lateFileMistake(o.LateHitsFile, err)
	}
	return o.Warnings, errors.Join(mistakes, rules, refused, storage, late)
}
