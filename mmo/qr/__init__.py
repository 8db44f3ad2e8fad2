"""QR codes that merchants present, as EMVCo specifies them."""
