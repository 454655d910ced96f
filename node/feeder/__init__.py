"""What a validator says about prices: sources outside consensus, read once per vote."""
