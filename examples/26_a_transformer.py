# %% [markdown]
# # A transformer that makes names
#
# The names follow a rule that reaches across the whole word: the vowels of a name are all bright (e, i)
# or all dark (a, o, u), as in Finnish or Turkish.  The vowel that may come next depends on one several
# letters before, and attention is the part that looks back there.

# %%
import numpy as np

import tinygrad_mnist as tm
from tinygrad_mnist import nn, ops, optim
from tinygrad_mnist.lesson import narrate
from tinygrad_mnist.report import plots

narrate()  # run as a script, the lesson tells its prose too

LETTERS = ".abdeiklmnorstuv"  # the dot ends a name
LENGTH = 12
rng = np.random.default_rng(0)
tm.manual_seed(0)


def make_name():
    vowels, consonants = list(rng.choice(["ei", "aou"])), list("bdklmnrstv")
    syllables = [rng.choice(consonants) + rng.choice(vowels) for _ in range(rng.integers(2, 5))]
    return "".join([*syllables, rng.choice(["", *"nrs"])])


names = [make_name() for _ in range(2000)]
texts = np.array([[LETTERS.index(letter) for letter in f".{name:.<{LENGTH}}"] for name in names])
print(", ".join(names[:8]))

# %% [markdown]
# ## Attention
#
# Each place asks (query) what the places before it have (key).  It takes a mean of their values, weighted
# by how well question and answer fit.  With the queries, keys and values as the rows of $Q$, $K$ and $V$,
# each of $d$ numbers, that is
#
# $$
# \text{softmax}(Q K^T / \sqrt{d}) V
# $$
#
# What lies ahead is masked.  Each of several heads asks another question.


# %%
class Attention(nn.Module):
    def __init__(self, width, heads):
        self.heads, self.size = heads, width // heads
        self.parts, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def look(self, x):
        """Return how much each place takes of each other one, and the values there."""
        n, length, _ = x.shape
        parts = self.parts(x).reshape(n, length, 3, self.heads, self.size)
        query, key, value = (parts[:, :, i].transpose(0, 2, 1, 3) for i in range(3))
        scores = query @ key.mT / self.size**0.5  # (n, heads, length, length)
        return ops.softmax(ops.where(np.tri(length, dtype=bool), scores, -1e9)), value

    def forward(self, x):
        weights, value = self.look(x)
        return self.out((weights @ value).transpose(0, 2, 1, 3).reshape(*x.shape))


class Block(nn.Module):
    def __init__(self, width, heads):
        self.attend, self.first, self.second = (
            Attention(width, heads),
            nn.LayerNorm(width),
            nn.LayerNorm(width),
        )
        self.think = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):
        x = x + self.attend(self.first(x))
        return x + self.think(self.second(x))


class Transformer(nn.Module):
    def __init__(self, width=32, heads=4, blocks=2):
        self.letters, self.places = nn.Embedding(len(LETTERS), width), nn.Embedding(LENGTH, width)
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(blocks)))
        self.out = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, len(LETTERS)))

    def forward(self, letters):
        x = self.letters(letters) + self.places(np.arange(letters.shape[1]))
        return self.out(self.blocks(x))


nn.summary(Transformer())


# %% [markdown]
# ## Training and samples
#
# At each place the network guesses the next letter.  To make a name, a letter is drawn from its
# probabilities, written down, and read again.


# %%
def train(model):
    optimizer, loss_function = optim.Adam(model.parameters(), lr=0.01), nn.CrossEntropyLoss()

    @tm.compile
    def step(letters, following):
        optimizer.zero_grad()
        loss = loss_function(model(letters), following)
        loss.backward()
        optimizer.step()
        return loss

    for i in range(151):
        batch = texts[rng.integers(0, len(texts), 32)]
        loss = step(batch[:, :-1], batch[:, 1:])
        if i % 50 == 0:
            print(f"step {i}: loss {loss.item():.3f}")
    return model


def sample(model, count):
    found = np.zeros((count, 1), int)
    with tm.no_grad():
        while found.shape[1] <= LENGTH:
            p = ops.softmax(model(found)[:, -1]).data
            letter = (p.cumsum(axis=1) > rng.random((count, 1))).argmax(axis=1)
            found = np.concatenate([found, letter[:, None]], axis=1)
    return ["".join(LETTERS[i] for i in row[1:]).split(".")[0] for row in found]


def in_harmony(names):
    return np.mean([not (set(name) & set("ei") and set(name) & set("aou")) for name in names])


model = train(Transformer())
made = sample(model, 200)
print(", ".join(made[:12]))
print(f"{in_harmony(made):.0%} of 200 names have vowels of one kind")
assert in_harmony(made) > 0.9

# %% [markdown]
# ## What it looks at
#
# A row for each letter of a name that is read, a column for each letter that it may look back to; the first
# column is the dot before the name.  Each head has found a question of its own.

# %%
name = "kotalumanu"
letters = np.array([[LETTERS.index(letter) for letter in f".{name}"]])
with tm.no_grad():
    x = model.letters(letters) + model.places(np.arange(letters.shape[1]))
    weights, _ = model.blocks[0].attend.look(model.blocks[0].first(x))
assert np.allclose(weights.data.sum(axis=-1), 1, atol=1e-5)
print("rows and columns:", " ".join(f".{name}"))
plots.images(weights.data[0], [f"head {number}" for number in range(1, 5)], f"Attention in the name {name}")

# %% [markdown]
# ## Without attention
#
# The same network, in which each place reads its own letter alone, cannot know the vowel before.

# %%
blind = Transformer()
for block in blind.blocks:
    block.attend = nn.Linear(32, 32)
made = sample(train(blind), 200)
print(", ".join(made[:12]))
print(f"{in_harmony(made):.0%} of 200 names have vowels of one kind")
assert in_harmony(made) < 0.6
