"""What people see: one file a tab, thin. Nobody outside this folder knows it."""
