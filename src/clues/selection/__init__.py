"""From channels to p-values against the anchors, and from those to kept rows with reasons."""
