package money

import (
	"errors"
	"math/big"
)

// sumBits divides minor units into two halves, each of which a database can add up over any table.
const sumBits = 30

// errSum is returned for a sum that the database did not give as a whole number.
var errSum = errors.New("money: a sum is no whole number")

// SumSQL returns two columns of a statement that add up an expression of minor units, none negative, in two halves: SQLite's sums
// of whole numbers end at 64 bits, and MariaDB's go on. ReadSum joins them.
func SumSQL(expr string) string {
	return "SUM(" + expr + " >> 30), SUM(" + expr + " & 1073741823)"
}

// ReadSum joins the columns of SumSQL, as texts.
func ReadSum(high, low string) (*big.Int, error) {
	h, okHigh := new(big.Int).SetString(high, 10)
	l, okLow := new(big.Int).SetString(low, 10)
	if !okHigh || !okLow {
		return nil, errSum
	}
	return h.Add(h.Lsh(h, sumBits), l), nil
}

// SumTimesSQL is SumSQL of an expression times another one of whole numbers from 0 to 100.
func SumTimesSQL(expr, times string) string {
	return "SUM((" + expr + " >> 30) * " + times + "), SUM((" + expr + " & 1073741823) * " + times + ")"
}
