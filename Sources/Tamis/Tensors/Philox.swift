/// Random numbers as a function of a key and a counter: Philox4x32-10 (Salmon, Moraes, Dror and Shaw, 2011).
///
/// What the i-th number is does not depend on who asked for others before, so a tensor's values follow from the seed and
/// the tensor's name alone.
public struct Philox: RandomNumberGenerator, Sendable {
    private let key: (UInt32, UInt32)
    private var counter: (UInt32, UInt32, UInt32, UInt32)
    private var words: (UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0)
    private var used = 4

    /// The numbers of a seed; `stream` picks one of 2⁶⁴ sequences of it.
    public init(seed: UInt64, stream: UInt64 = 0) {
        key = (UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
        counter = (0, 0, UInt32(truncatingIfNeeded: stream), UInt32(truncatingIfNeeded: stream >> 32))
    }

    /// The numbers of a seed that belong to a name.
    public init(seed: UInt64, name: String) {
        // FNV-1a of the name picks the stream.
        self.init(seed: seed, stream: name.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 })
    }

    /// The block of numbers of a counter and a key.
    package static func block(
        _ counter: (UInt32, UInt32, UInt32, UInt32), key: (UInt32, UInt32)
    ) -> (UInt32, UInt32, UInt32, UInt32) {
        var (c, k) = (counter, key)
        for _ in 0..<10 {
            let first = UInt64(0xD251_1F53) * UInt64(c.0)
            let second = UInt64(0xCD9E_8D57) * UInt64(c.2)
            c = (
                UInt32(truncatingIfNeeded: second >> 32) ^ c.1 ^ k.0, UInt32(truncatingIfNeeded: second),
                UInt32(truncatingIfNeeded: first >> 32) ^ c.3 ^ k.1, UInt32(truncatingIfNeeded: first)
            )
            k = (k.0 &+ 0x9E37_79B9, k.1 &+ 0xBB67_AE85)
        }
        return c
    }

    /// The next 32 random bits.
    public mutating func nextWord() -> UInt32 {
        if used == 4 {
            words = Self.block(counter, key: key)
            used = 0
            counter.0 &+= 1
            if counter.0 == 0 { counter.1 &+= 1 }
        }
        used += 1
        switch used {
        case 1: return words.0
        case 2: return words.1
        case 3: return words.2
        default: return words.3
        }
    }

    public mutating func next() -> UInt64 { UInt64(nextWord()) << 32 | UInt64(nextWord()) }

    /// The next number of the uniform distribution over 0 ..< 1, a multiple of 2⁻²⁴.
    public mutating func nextUniform() -> Double { Double(nextWord() >> 8) * 0x1p-24 }

    /// The next number of the standard normal distribution (Box and Muller, 1958).
    public mutating func nextNormal() -> Double {
        let radius = (-2 * Double.log(1 - nextUniform())).squareRoot()
        return radius * Double.cos(2 * .pi * nextUniform())
    }

    /// `0 ..< count` in a random order (Fisher and Yates).
    public mutating func shuffled(_ count: Int) -> [Int] {
        var order = Array(0..<max(0, count))
        guard count > 1 else { return order }
        for last in stride(from: count - 1, to: 0, by: -1) {
            order.swapAt(last, Int(next() % UInt64(last + 1)))
        }
        return order
    }
}
