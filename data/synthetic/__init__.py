"""Made-up reviews with the shape of real ones: who reviews how much, which books, how they rate, what all is called."""
