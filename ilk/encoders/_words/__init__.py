"""Words as numbers: how texts become words, words their parts, and the compiled steps of learning."""
