package main

import (
	"fmt"

	"fluent-bit-misp/version"
)

type versionCmd struct{}

func (versionCmd) Run(std streams) error {
	_, err := fmt.Fprintln(std.out, "fluent-bit-misp", version.Get())
	return err
}
