package fhir

import (
	"fmt"

	models "github.com/samply/golang-fhir-models/fhir-models/fhir"
)

// Collection bundles resources without saying anything of them.
func Collection(rs ...Resource) (models.Bundle, error) {
	return bundle(models.BundleTypeCollection, rs, nil)
}

// SearchSet bundles the matches of a search. total is the number of all matches, of
// which rs may be one page.
func SearchSet(total int, rs ...Resource) (models.Bundle, error) {
	b, err := bundle(models.BundleTypeSearchset, rs, func(e *models.BundleEntry, _ Resource) error {
		mode := models.SearchEntryModeMatch
		e.Search = &models.BundleEntrySearch{Mode: &mode}
		return nil
	})
	b.Total = &total
	return b, err
}

// Transaction bundles resources to be put under their own ids, all or none.
func Transaction(rs ...Resource) (models.Bundle, error) {
	return bundle(models.BundleTypeTransaction, rs, func(e *models.BundleEntry, r Resource) error {
		if r.ID == "" {
			return fmt.Errorf("%w: a %s in a transaction needs an id", ErrInvalid, r.Type)
		}
		e.Request = &models.BundleEntryRequest{Method: models.HTTPVerbPUT, Url: r.Type + "/" + r.ID}
		return nil
	})
}

func bundle(typ models.BundleType, rs []Resource, dress func(*models.BundleEntry, Resource) error) (models.Bundle, error) {
	b := models.Bundle{Type: typ}
	for _, r := range rs {
		e := models.BundleEntry{Resource: r.Body}
		if dress != nil {
			if err := dress(&e, r); err != nil {
				return models.Bundle{}, err
			}
		}
		b.Entry = append(b.Entry, e)
	}
	return b, nil
}

// Entries gives the resources of a bundle in order; entries without one are passed over.
func Entries(b models.Bundle) ([]Resource, error) {
	var rs []Resource
	for i, e := range b.Entry {
		if len(e.Resource) == 0 {
			continue
		}
		r, err := Parse(e.Resource)
		if err != nil {
			return nil, fmt.Errorf("bundle entry %d: %w", i, err)
		}
		rs = append(rs, r)
	}
	return rs, nil
}
