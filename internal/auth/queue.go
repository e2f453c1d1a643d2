package auth

// Queue returns how many passwords wait to be hashed, and how many are being hashed.
func (p *Passwords) Queue() (waiting, running int) { return int(p.waiting.Load()), len(p.slots) }
