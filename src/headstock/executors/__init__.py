"""What runs a task: here, any command as a process of its own."""
