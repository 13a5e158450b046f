package rules

// holds decides the conditions of a row that are not words, once an event.
func (x *Extraction) holds(r int) bool {
	row := &x.set.rows[r]
	if row.when == nil && row.unless == nil {
		return true
	}
	if x.rows[r]>>1 != x.event {
		x.rows[r] = x.event << 1
		if x.allHold(row.when) && !x.someHold(row.unless) {
			x.rows[r] |= 1
		}
	}
	return x.rows[r]&1 != 0
}

func (x *Extraction) allHold(conds []int) bool {
	for _, c := range conds {
		if !x.satisfies(c) {
			return false
		}
	}
	return true
}

func (x *Extraction) someHold(clauses [][]int) bool {
	for _, conds := range clauses {
		if x.allHold(conds) {
			return true
		}
	}
	return false
}

func (x *Extraction) satisfies(c int) bool {
	if x.conds[c]>>1 != x.event {
		x.conds[c] = x.event << 1
		if x.meets(&x.set.conds[c]) {
			x.conds[c] |= 1
		}
	}
	return x.conds[c]&1 != 0
}

func (x *Extraction) meets(c *cond) bool {
	f := x.fields
	if want, ok := c.matcher.(exists); ok {
		return bool(want) == (f.First(c.path) >= 0)
	}
	for i := f.First(c.path); i >= 0; i = f.Next(i) {
		text := f.Text(i)
		holds := text != nil && c.matcher.match(text)
		x.tested(i, c.matcher, holds)
		if holds {
			return true
		}
	}
	return false
}
