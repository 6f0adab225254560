package fhir

import (
	models "github.com/samply/golang-fhir-models/fhir-models/fhir"
)

// Extensions that are ours.
const (
	ExtLovhjemmel    = "urn:samsyn:lovhjemmel"     // valueString: legal basis of a vedtak, "Barnevernsloven § 3-1"
	ExtKlagefrist    = "urn:samsyn:klagefrist"     // valueDate: last day of appeal
	ExtStartfrist    = "urn:samsyn:startfrist"     // valueDate: day by which what is granted is to have started
	ExtEvaluation    = "urn:samsyn:evaluation"     // valueDate: day on which a plan was evaluated
	ExtEvaluationDue = "urn:samsyn:evaluation-due" // valueDate: day by which a plan is to be evaluated
)

// StringExtension makes an extension with a text.
func StringExtension(url, value string) models.Extension {
	return models.Extension{Url: url, ValueString: &value}
}

// DateExtension makes an extension with a date (YYYY, YYYY-MM or YYYY-MM-DD).
func DateExtension(url, date string) models.Extension {
	return models.Extension{Url: url, ValueDate: &date}
}

// ExtensionStrings gives the texts of all extensions of a URL, in order.
func ExtensionStrings(from []models.Extension, url string) []string {
	return extensionValues(from, url, func(e models.Extension) *string { return e.ValueString })
}

// ExtensionDates gives the dates of all extensions of a URL, in order.
func ExtensionDates(from []models.Extension, url string) []string {
	return extensionValues(from, url, func(e models.Extension) *string { return e.ValueDate })
}

func extensionValues(from []models.Extension, url string, value func(models.Extension) *string) []string {
	var values []string
	for _, e := range from {
		if v := value(e); e.Url == url && v != nil {
			values = append(values, *v)
		}
	}
	return values
}
