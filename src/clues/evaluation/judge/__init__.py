"""Answers judged by a large language model behind any endpoint that speaks OpenAI's chat completions."""
