package main

// OrderPayload is what the workflow is started with.
type OrderPayload struct {
	ItemName  string `json:"item_name"`
	Quantity  int    `json:"quantity"`
	TotalCost int    `json:"total_cost"`
}

// OrderResult is what it ends with.
type OrderResult struct {
	Processed bool `json:"processed"`
}

// InventoryItem is kept in the state store, under its name.
type InventoryItem struct {
	ItemName    string `json:"item_name"`
	PerItemCost int    `json:"per_item_cost"`
	Quantity    int    `json:"quantity"`
	LastOrder   string `json:"last_order,omitempty"`
}

// Request is what activities are given.
type Request struct {
	OrderID  string `json:"order_id"`
	ItemName string `json:"item_name"`
	Quantity int    `json:"quantity"`
	Amount   int    `json:"amount"`
}

// Approval is the data of the event manager_approval.
type Approval struct {
	Approval bool `json:"approval"`
}
