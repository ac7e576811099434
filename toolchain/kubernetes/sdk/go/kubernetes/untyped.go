// Package kubernetes has the parts of Pulumi's Go SDK for Kubernetes that its plugin is compiled
// with. The SDK itself, with a type for each resource of Kubernetes, takes longer to compile than
// all the rest of the plugin, which uses it for Helm charts, YAML files and Kustomize alone.
package kubernetes

import "reflect"

// UntypedArgs are the properties of any resource.
type UntypedArgs map[string]any

// ElementType implements pulumi.Input.
func (UntypedArgs) ElementType() reflect.Type {
	return reflect.TypeFor[map[string]any]()
}
