"""Tables as people take them away: CSV for a spreadsheet, PDF for paper."""
