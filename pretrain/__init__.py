"""How the weights of ``vit_nano`` were made: data, training, evaluation, export."""
