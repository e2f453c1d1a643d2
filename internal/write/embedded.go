package write

import "encoding/json"

// Embedded reads a stored list of embedded objects; a nil list when there is none.
func Embedded(stored string) []map[string]any {
	var list []map[string]any
	if stored == "" || json.Unmarshal([]byte(stored), &list) != nil {
		return nil // it was written by decode, so it can be read
	}
	return list
}

// Primary returns a member of the primary one of a stored list, "" when there is none.
func Primary(stored, member string) string {
	for _, o := range Embedded(stored) {
		if o["primary"] == true {
			s, _ := o[member].(string)
			return s
		}
	}
	return ""
}
