"""The workshop behind `ilk look`: what ../server.py puts together.

guard.py lets requests in; shown.py is the version of the space that the page shows; desk.py is what all
requests share; routes.py, asking.py and marking.py are the addresses; the others each make one kind of
answer, from arrays, without knowing of HTTP.
"""
