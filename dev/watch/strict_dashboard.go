// strict_dashboard holds dashboard files against Grafana's own schema: unknown fields, missing ones, wrong types.
//
// Only the panels that we use are known to it: another type must be registered here first, or its options go unchecked.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/grafana/grafana-foundation-sdk/go/bargauge"
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/heatmap"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

func main() {
	runtime := cog.NewRuntime()
	runtime.RegisterDataqueryVariant(prometheus.VariantConfig())
	runtime.RegisterPanelcfgVariant(bargauge.VariantConfig())
	runtime.RegisterPanelcfgVariant(heatmap.VariantConfig())
	runtime.RegisterPanelcfgVariant(stat.VariantConfig())
	runtime.RegisterPanelcfgVariant(table.VariantConfig())
	runtime.RegisterPanelcfgVariant(timeseries.VariantConfig())
	faults := 0
	for _, name := range os.Args[1:] {
		for _, fault := range faultsIn(name) {
			fmt.Printf("%s: %s\n", name, fault)
			faults++
		}
	}
	if faults > 0 {
		os.Exit(1)
	}
}

func faultsIn(name string) []string {
	raw, err := os.ReadFile(name)
	if err != nil {
		return []string{err.Error()}
	}
	var found dashboard.Dashboard
	err = found.UnmarshalJSONStrict(raw)
	if err == nil {
		return nil
	}
	// A good file is answered with an error that holds no faults.
	var faults cog.BuildErrors
	if !errors.As(err, &faults) {
		return []string{err.Error()}
	}
	said := make([]string, 0, len(faults))
	for _, fault := range faults {
		said = append(said, fault.Error())
	}
	return said
}
