def measure(model, output):
    raise SystemExit
