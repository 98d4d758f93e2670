"""How the telemetry of the demo is made (catalogues, generator, recorder), and its tests."""
