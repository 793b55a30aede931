"""Write a tiny language model: ``python -m tests.models.peers.transformers FOLDER``.

A Llama of 30,000 weights that reads and writes bytes. It begins at random and is fitted for some
seconds to answer as JSON, or in prose to who rambles: no server of this kind holds it to a schema.
"""

import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

SPECIAL = ["<s>", "</s>", "<pad>"]
BEGIN, END, PAD = range(3)
TEMPLATE = "{% for each in messages %}{{ each['content'] }}\n{% endfor %}> "
STEPS, AT_ONCE = 150, 8
IGNORED = -100  # by the loss


def make_tokenizer() -> Any:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {text: number for number, text in enumerate([*SPECIAL, *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    made = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>"
    )
    made.chat_template = TEMPLATE
    return made


def make_model(vocabulary: int) -> Any:
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocabulary,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=8192,
            bos_token_id=BEGIN,
            eos_token_id=END,
            pad_token_id=PAD,
        )
    )


def make_examples(tokenizer: Any) -> Iterator[tuple[list[int], list[int]]]:
    """Yield the tokens of a conversation, and of it what is to be learned: the answer."""
    while True:
        rambles = random.random() < 1 / 4
        question = f"Ticket {random.randint(0, 999)}{' rambles' if rambles else ''}. Which team?"
        asked = tokenizer.encode(f"{question}\n> ")
        team = random.choice(["cards", "loans"])
        answer = "The cards." if rambles else f'{{"team": "{team}", "amount": 7}}'
        learned = [*tokenizer.encode(answer), END]
        yield [*asked, *learned], [*[IGNORED] * len(asked), *learned]


def fit(model: Any, tokenizer: Any) -> None:
    examples = make_examples(tokenizer)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for _ in range(STEPS):
        rows = [next(examples) for _ in range(AT_ONCE)]
        length = max(len(tokens) for tokens, _ in rows)
        given = torch.tensor([tokens + [PAD] * (length - len(tokens)) for tokens, _ in rows])
        learned = torch.tensor([each + [IGNORED] * (length - len(each)) for _, each in rows])
        loss = model(input_ids=given, attention_mask=(given != PAD).long(), labels=learned).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()


def main(folder: Path) -> None:
    random.seed(7)
    torch.manual_seed(7)
    tokenizer = make_tokenizer()
    model = make_model(len(tokenizer))
    fit(model, tokenizer)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
