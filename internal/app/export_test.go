package app

import "context"

// HeadExport gives what serve does every minute.
func (a *App) HeadExport() (due func(context.Context) error, err error) {
	e, err := a.newHeadExport()
	if err != nil {
		return nil, err
	}
	return e.due, nil
}
