/// What a training step, an epoch or an evaluation came to.
public struct Metrics: Sendable, Hashable {
    /// The loss, averaged over examples.
    public var loss: Double
    /// The share of examples whose class was found, 0 to 1; NaN for a loss that has no such measure.
    public var accuracy: Double

    public init(loss: Double, accuracy: Double) {
        self.loss = loss
        self.accuracy = accuracy
    }
}

/// An epoch of training.
public struct Epoch: Sendable, Hashable {
    /// Averages over the epoch's steps, each measured before its update.
    public var training: Metrics
    /// On the validation data after the epoch, if there are any.
    public var validation: Metrics?
    /// Wall time of the steps.
    public var seconds: Double
}

/// The course of a training: one entry an epoch.
public struct History: Sendable, Hashable {
    public internal(set) var epochs: [Epoch] = []
    /// Wall time of each step in milliseconds, in order.
    public internal(set) var stepMilliseconds: [Double] = []
}

/// Where a training is: told after each step, and once more when an epoch has been validated.
public struct TrainingProgress: Sendable {
    /// The epoch from 1, and how many there will be.
    public var epoch: Int
    public var epochs: Int
    /// The steps done in this epoch, and how many it has.
    public var step: Int
    public var steps: Int
    /// Averages over the steps of the epoch so far.
    public var metrics: Metrics
    /// On the validation data, once the epoch is over.
    public var validation: Metrics?
    /// Wall time of the epoch so far.
    public var seconds: Double
    /// Whether nothing more will be told of this epoch.
    public var isEpochOver: Bool

    public init(
        epoch: Int, epochs: Int, step: Int, steps: Int, metrics: Metrics, validation: Metrics? = nil, seconds: Double,
        isEpochOver: Bool = false
    ) {
        self.epoch = epoch
        self.epochs = epochs
        self.step = step
        self.steps = steps
        self.metrics = metrics
        self.validation = validation
        self.seconds = seconds
        self.isEpochOver = isEpochOver
    }
}
