package main

import (
	"errors"
	"fmt"

	"fluent-bit-misp/enrich"
	"fluent-bit-misp/misp/ioc"
)

type purgeCmd struct {
	StoragePath string   `required:"" help:"The option storage_path of the plugin that runs." placeholder:"DIR"`
	All         bool     `help:"Forget every answer."`
	Values      []string `arg:"" optional:"" name:"value" help:"What to forget the answers for."`
}

func (*purgeCmd) Help() string {
	return "Tells a plugin that runs, on this machine and with a storage_path, to forget what MISP said of values, so that the next alert asks again. Run it as the user as whom Fluent Bit runs."
}

func (c *purgeCmd) Run(std streams) error {
	if c.All == (len(c.Values) > 0) {
		return errors.New("want values or --all, and not both")
	}
	for i, value := range c.Values {
		c.Values[i] = ioc.Refang(value) // as analysts write and paste it
	}
	engines, err := enrich.Purge(c.StoragePath, c.Values...)
	if err != nil {
		return err
	}
	if engines == 0 {
		return fmt.Errorf("no plugin runs with storage_path %s", c.StoragePath)
	}
	what := "every answer"
	if !c.All {
		what = fmt.Sprintf("the answers for %d values", len(c.Values))
	}
	_, err = fmt.Fprintf(std.out, "forgotten: %s, by %d plugin instances\n", what, engines)
	return err
}
