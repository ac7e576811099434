// Package v2 refuses the resources of Helm charts, YAML files and Kustomize.
package v2

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// RegisterResource would register a resource that a chart or a file describes.
func RegisterResource(_ *pulumi.Context, apiVersion, kind, name string, _ pulumi.Input,
	_ ...pulumi.ResourceOption) (pulumi.CustomResource, error) {
	return nil, fmt.Errorf("%s %s %q is of a Helm chart, a YAML file or Kustomize, which this build "+
		"of the plugin leaves out. Take the plugin that Pulumi publishes: pulumi plugin install "+
		"resource kubernetes", apiVersion, kind, name)
}
