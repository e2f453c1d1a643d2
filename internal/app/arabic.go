package app

// arabic are the Arabic forms of the messages of all packages but server and fault, which bring their own.
var arabic = map[string]string{}
