"""What people look at: pictures of frames and masks."""
