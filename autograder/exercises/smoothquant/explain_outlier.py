"""What smoothing can move, and what it cannot."""

from autograder.open_questions import Explanation

asked = Explanation(
    "smoothquant.explain_outlier",
    title="Explain it",
    minutes=8,
    points=2,
    skills=["activation outliers", "migration", "granularity"],
    rubric=[
        "A channel maximum cannot tell a persistent channel from one huge token: look at medians, or leave the first "
        "tokens out.",
        "s_j is one number for a channel and all its tokens: dividing a persistent channel helps every token, dividing "
        "for one massive token sacrifices that channel for all others, and makes its weights huge.",
        "The recipe smooths what the norms put out; the massive activation enters down_proj, behind SwiGLU.",
        "Remedies that fit a token: a scale for each token, or keeping the first position out of the int8 path (a fixed "
        "prefix); with static scales, down_proj smoothed with α searched on held-out data.",
    ],
    hints=[
        "Two questions: which statistic was looked at, and which tokens does s_j divide?",
        "Say what a static scale must cover; which inputs the recipe smooths; and what happens to the ordinary tokens of "
        "a channel whose s_j is set by one token.",
        "Write: the maximum is one token's; s_j divides the channel for all tokens; norms are not where it is; a scale "
        "for each token isolates it.",
    ],
)
