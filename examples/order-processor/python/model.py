from dataclasses import dataclass


@dataclass
class OrderPayload:
    item_name: str
    quantity: int
    total_cost: int


@dataclass
class InventoryItem:
    item_name: str
    per_item_cost: int
    quantity: int
    last_order: str = ""
