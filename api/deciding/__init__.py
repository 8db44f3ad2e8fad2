"""What people are asked: approvals, who stands in for whom, and tasks."""
