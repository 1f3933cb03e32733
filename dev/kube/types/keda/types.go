//go:build tools

// Package types pins the module whose Go types the custom resource definitions of dev/kube/schemas are made from.
package types

import _ "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
