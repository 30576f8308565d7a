import Tamis
