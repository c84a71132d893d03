"""What `omnivery doctor` looks at. Each module knows one thing, and returns findings; none of them prints."""
